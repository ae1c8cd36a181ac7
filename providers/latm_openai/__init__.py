"""Provider plugin."""
