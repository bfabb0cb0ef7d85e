"""What two or more stages of the lab share. Imports nothing else of ours."""
