"""What an admin changes of the installation itself, each change checked and recorded."""
