"""The cases' formulas in each modeling language: a Case in, that language's functions or model out."""
