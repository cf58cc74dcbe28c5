"""Which inspector gets a gas project, by the rules or by hand, and the inspectors' worksheet (ASG, INR-5)."""
