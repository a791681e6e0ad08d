"""Write a flow as plain Python; run it anywhere; find everything it did again."""
