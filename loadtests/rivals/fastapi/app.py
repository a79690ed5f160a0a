"""FastAPI with SQLAlchemy: the dialogs of the bench as its tutorials would write them.

One async session a request as a dependency, the form as a pydantic model, a row of PostgreSQL for each
dialog: SELECT, INSERT or UPDATE (DELETE at the end), COMMIT. The pool has SQLAlchemy's default size. One
uvicorn worker with uvloop and httptools, no access log.

In its favour: PostgreSQL runs on another core and waits for no disk, the menu is code and not rows, and the
form is read by the standard library, which is faster than python-multipart. Left out: idempotent retries,
a comparison of revisions, metrics.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import JSON, DateTime, String, func
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from loadtests.rivals import PATH
from loadtests.rivals.fastapi import menu

database = create_async_engine(os.environ["RIVAL_DATABASE_URL"])
sessions = async_sessionmaker(database, expire_on_commit=False)


class Base(DeclarativeBase):
    pass


class UssdSession(Base):
    """Where one dialog is, and what was answered so far."""

    __tablename__ = "rival_sessions"

    session_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    phone_number: Mapped[str] = mapped_column(String(20), index=True)
    state: Mapped[str] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(2))
    answers: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )


class UssdForm(BaseModel):
    """What Africa's Talking posts."""

    session_id: str = Field(alias="sessionId", min_length=1, max_length=64)
    phone_number: str = Field(alias="phoneNumber", pattern=r"^\+\d{9,15}$")
    service_code: str = Field(alias="serviceCode")
    network_code: str = Field(alias="networkCode", default="")
    text: str = ""


async def read_form(request: Request) -> UssdForm:
    """The form, checked."""
    body = (await request.body()).decode()
    try:
        return UssdForm.model_validate(dict(parse_qsl(body, keep_blank_values=True)))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


async def in_session() -> AsyncIterator[AsyncSession]:
    """One session of SQLAlchemy a request."""
    async with sessions() as session:
        yield session


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with database.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await database.dispose()


app = FastAPI(lifespan=lifespan)


@app.post(PATH, response_class=PlainTextResponse)
async def ussd(
    form: Annotated[UssdForm, Depends(read_form)], session: Annotated[AsyncSession, Depends(in_session)]
) -> str:
    """One press on a phone."""
    dialog = await session.get(UssdSession, form.session_id)
    if dialog is None:
        dialog = UssdSession(
            session_id=form.session_id,
            phone_number=form.phone_number,
            state=menu.START,
            language="en",
            answers={},
        )
        session.add(dialog)
        refusal = ""
    else:
        moved = menu.move(dialog.state, dialog.language, dialog.answers, form.text.rpartition("*")[2])
        dialog.state, dialog.language, dialog.answers, refusal = moved
    text = menu.show(dialog.state, dialog.language, dialog.answers)
    ends = dialog.state in menu.ENDS
    if ends:
        await session.delete(dialog)
    await session.commit()
    return f"{'END' if ends else 'CON'} {refusal}{text}"
