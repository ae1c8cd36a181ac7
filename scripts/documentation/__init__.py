"""What programs draw and write of the documentation. The results are checked in, and tests compare them."""
