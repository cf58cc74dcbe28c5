"""Mutation testing (``make mutants``): which changes of the rules would no test notice?"""
