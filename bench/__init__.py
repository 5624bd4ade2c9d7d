"""What the service costs and how fast it is, each measurement against something bare in the same run."""
