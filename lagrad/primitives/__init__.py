"""State what is true of a primitive once; everybody else looks it up here."""
