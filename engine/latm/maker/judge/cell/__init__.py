"""What runs in the judge's cells. Sent there as text: these modules import nothing of ours but each other."""
