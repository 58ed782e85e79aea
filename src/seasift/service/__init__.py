"""The model behind HTTP: endpoints, jobs, limits. `app.create_app` makes it. No torch here."""
