"""What a script asks for besides operations, and a recording keeps with them."""
