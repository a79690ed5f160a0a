"""Load on the server: Locust journeys, and `bench` for what a turn costs."""
