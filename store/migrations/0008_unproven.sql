-- Every step of dispatch asks which work of late was not proven.
CREATE INDEX services_unproven ON services (judged_at) WHERE proven = false;
