"""Planning: who works when, who is booked, and who is free (배정 계획)."""
