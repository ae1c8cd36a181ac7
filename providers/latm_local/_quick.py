"""Ask a fitted text model of `latm_local._scikit` about one text.

scikit-learn is made for tables: of the 3.3 ms that it takes for one text 2.8 go into checking and wrapping a
table of one row. So its arrays are used as they are; the words are still counted by its own vectoriser. That
both say the same is tested.
"""

from __future__ import annotations

from typing import Any, final

import numpy as np

from latm_local import _scikit

_UNSEEN = -1


@final
class Quick:
    """The probabilities of a fitted text model, for one text at a time.

    Args:
        model: a fitted `latm_local._scikit.text_model`.
    """

    def __init__(self, model: _scikit.Model) -> None:
        regression = model.named_steps["labels"]
        self._weights: Any = np.ascontiguousarray(regression.coef_.T)
        self._bias: Any = regression.intercept_
        self._parts: list[tuple[Any, Any, Any]] = []
        start = 0
        for _, part in model.named_steps["features"].transformer_list:
            seen = part.named_steps["seen"].get_support()
            places = np.full(len(seen), _UNSEEN)
            count = int(seen.sum())
            places[seen] = np.arange(start, start + count)
            idf = np.zeros(start + count)
            idf[start:] = part.named_steps["weigh"].idf_
            self._parts.append((part.named_steps["count"], places, idf))
            start += count

    def __call__(self, text: str) -> Any:
        """Of each class of the model the probability, in a row of its own."""
        scores = self._bias.copy()
        for vectoriser, places, idf in self._parts:
            counts = vectoriser.transform([text])
            at = places[counts.indices]
            known = at != _UNSEEN
            at = at[known]
            values = (1 + np.log(counts.data[known])) * idf[at]
            length = np.sqrt(values @ values)
            if length:
                scores += (values / length) @ self._weights[at]
        if len(scores) == 1:  # of two classes it keeps the weights of the second alone
            scores = np.array([0.0, scores[0]])
        powers = np.exp(scores - scores.max())
        return (powers / powers.sum())[None, :]
