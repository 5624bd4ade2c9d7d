"""Every field of an installation is in the response to the engineer."""

from dataclasses import fields

from api.installation.schemas import InstallationResponse
from api.security.principals import Role
from api.security.views import INSTALLATION_VIEWS
from domain.installation import Installation
from tests.domain.filled import filled

NOT_TOLD = {"round", "customer_id"}
"""The round, which engineers do not need, and the customer, whom the access log names."""


def test_every_field_of_an_installation_is_told() -> None:
    assert set(InstallationResponse.model_fields) == {field.name for field in fields(Installation)} - NOT_TOLD


def test_the_engineer_sees_every_field_while_there_is_work_to_do() -> None:
    view = INSTALLATION_VIEWS[Role.ENGINEER]

    assert view is not None
    assert view.members(contact=True) == set(InstallationResponse.model_fields)


def test_every_field_is_told_as_it_is() -> None:
    installation = filled(Installation)
    told = InstallationResponse.model_validate(installation)

    for name in InstallationResponse.model_fields:
        value = getattr(installation, name)
        assert getattr(told, name) == value if name != "visit" else vars(told.visit) == vars(value)
