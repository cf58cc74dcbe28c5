"""Records, labels and list columns that the processes of gas projects share."""
