"""Training: one accelerate engine for every stage; a stage is a Task and a source of batches.

The doors are `pretrain`, `train_tokenizer` and `train_language_model` in their modules.
"""
