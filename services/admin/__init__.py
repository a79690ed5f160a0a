"""The admin page: what the staff open in a browser. It reads and changes by running the API's operations."""
