"""What the contexts do for the saga, each on its own task queue."""
