"""What a store keeps and for how long: which runs go, what then is garbage, how it goes."""
