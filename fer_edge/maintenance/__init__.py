"""What maintainers run: ship a network, count what the shipped ones are worth, write generated files anew."""
