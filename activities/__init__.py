"""Activities: the contexts' part in the workflows, each context on its own task queue."""
