"""What goes to others and comes from them: webhooks, alerts, reports, documents of other systems."""
