"""What a command shows: tables, reviews, graphs."""
