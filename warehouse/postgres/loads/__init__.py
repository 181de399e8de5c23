"""What the stream hands over: loads, expectations, discrepancies, weighings, places of tags."""
