"""The language of the service and its rules; free of every framework."""
