"""`fer-edge live`: a page on this machine where a person shows pictures to the network."""
