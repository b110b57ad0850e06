"""Tables, figures and the static report site of a release."""
