"""From a board on a serial port to a report."""
