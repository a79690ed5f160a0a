"""What the law and good manners ask of the lender, as rules.yaml of a menu folder has it."""
