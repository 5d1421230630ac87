"""``POST /v1/imports/{kind}``: import a CSV file."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.collector.imports.mapping import ImportKind
from services.collector.imports.service import import_file
from shared.errors import UnsupportedMediaType
from shared.web.auth import Caller
from shared.web.parameters import authorized
from shared.web.state import resources

__all__ = ["LARGEST_FILE", "router"]

#: In bytes; the application refuses more while reading.
LARGEST_FILE = 16 * 1024 * 1024

router = APIRouter(prefix="/v1/imports", tags=["imports"])


class Import(BaseModel):
    """What came of a file, in rows."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    import_id: UUID | None = Field(
        description="The import's id; null for a dry run.",
        examples=["0197c1a4-6f1e-7c53-9d7b-5d0f3f0c2a11"],
    )
    kind: ImportKind = Field(description="What the file holds.", examples=["roster"])
    rows: int = Field(description="Rows of the file, the header not counted.", examples=[100])
    inserted: int = Field(description="Rows that say something new.", examples=[97])
    unchanged: int = Field(description="Rows that say what is known already.", examples=[2])
    corrected: int = Field(description="Rows that restate what an earlier file said.", examples=[1])


@router.post(
    "/{kind}",
    operation_id="imports_create_import",
    status_code=200,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"text/csv": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def create_import(
    kind: Annotated[ImportKind, Path(description="What the file holds.", examples=["roster"])],
    request: Request,
    caller: Annotated[Caller, Depends(authorized("imports:write"))],
    dry_run: Annotated[
        bool,
        Query(
            description="Check the file and say what it would change; write nothing.",
            examples=[True],
        ),
    ] = False,
) -> Import:
    """Import a CSV file: all of it, or nothing if a row is wrong.

    The file is UTF-8 with a header row. Importing it again changes nothing; importing a corrected
    file restates the rows that differ.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "text/csv":
        raise UnsupportedMediaType("Send the file as text/csv.")
    content = await request.body()
    process = resources(request)
    result = await import_file(process.database, caller.org.id, kind, content, dry_run=dry_run)
    if not dry_run:
        await process.queue.wake("fold", caller.org.id)
    return Import.model_validate(result)
