"""The engineers' pages (설치기사): the visits of a day, one visit, and what an engineer says about it."""
