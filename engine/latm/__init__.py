"""latm."""
