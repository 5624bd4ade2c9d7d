"""What a process tells of itself: health, metrics, logs, traces."""
