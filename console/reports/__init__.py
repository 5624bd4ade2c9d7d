"""What managers look back at: statistics and who did what; and the erasure of a customer's data."""
