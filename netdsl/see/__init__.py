"""What features see, and what they are good for."""
