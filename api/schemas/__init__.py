"""What crosses the HTTP surface, as CONTRACT.md draws it: what is sent (`New…`, `…Change`) apart from what is shown."""
