"""What `make setup` does, in parts.

``facts`` reads the machine; ``plan`` decides from the facts alone, so that it is tested without a machine;
``environment`` makes .venv; ``engine`` talks to Docker; ``console`` is what the user sees; ``main`` puts them
in order.
"""
