"""What the lender knows of people: how long, who may see all of it, and how somebody is forgotten."""
