"""Assignment of inspectors to gas projects, by the rules or by hand, and the inspectors' worksheet (ASG, INR-5)."""
