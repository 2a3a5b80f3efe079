"""The table of builds and the choice among them; pure, but for the index client."""
