"""What alembic runs for each command of `ccd.side.db.migrate`, which hands the connection over; there is no alembic.ini."""

from alembic import context

from ccd.side.db.migrate import compare_options

context.configure(connection=context.config.attributes["connection"], **compare_options())
with context.begin_transaction():
    context.run_migrations()
