"""The fronts of language models: OpenAI's chat completions, responses and models. One generation is one act."""
