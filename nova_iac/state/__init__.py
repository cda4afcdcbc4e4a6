"""What was recorded and what is there."""
