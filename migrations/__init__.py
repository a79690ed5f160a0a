"""The database's history: one numbered step a file, SQL forward and back.

A step is `versions/NNNN_name.py` (who follows whom) and `sql/NNNN_name.{up,down}.sql` (what happens).
To change the database add a step; a step that was released is never edited. Each SQL file runs as it
stands, in the one transaction of the whole upgrade.
"""
