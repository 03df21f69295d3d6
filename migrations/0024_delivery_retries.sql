-- A person may ask for one more try of what a webhook was told.
grant update (state, next_at) on webhook_deliveries to segue_api;
comment on table webhook_deliveries is 'What is to be told and was told. Added in the transaction of the event; the worker makes the tries, a person only asks for one more.';
