"""Staff: the engineers, whom managers hire, change and retire (인력)."""
