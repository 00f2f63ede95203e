"""One folder per question: `question.py` has the contract of an answer, `prompt.txt` what Claude is asked."""
