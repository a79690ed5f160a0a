"""Servers to compare with, each the least that answers the same POST. One process, uvloop, loopback."""

CONSTANT = "CON Welcome to the bench.\n1. Apply for a loan\n2. Rates\n3. Kiswahili"
PATH = "/api/v1/ussd"
