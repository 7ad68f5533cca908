"""The connection form of a real Airflow in a real browser: make a connection, edit it, press its Test button.

Skipped where Chromium, its driver or selenium is missing (apt: chromium, chromium-driver; pip: selenium).
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from demo.generation import installed_version
from demo.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

webdriver = pytest.importorskip("selenium.webdriver")
By = pytest.importorskip("selenium.webdriver.common.by").By
Keys = pytest.importorskip("selenium.webdriver.common.keys").Keys
StaleElement = pytest.importorskip("selenium.common.exceptions").StaleElementReferenceException
WebDriverWait = pytest.importorskip("selenium.webdriver.support.ui").WebDriverWait

PROGRAMS = ("chromium", "chromedriver")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(installed_version() < (3, 2), reason="another form"),
    pytest.mark.skipif(not all(map(shutil.which, PROGRAMS)), reason="no Chromium"),
]

CONN_ID = "made_in_the_form"
PATIENCE = 120  # only a hang runs into it
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync "
    "--disable-background-networking --disable-component-update --window-size=1300,2400"
)
TOASTS = "return [...document.querySelectorAll('[data-scope=toast][data-part=root]')].map(e => e.innerText)"


class Page:
    """What a person does with the page of connections."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def find(self, css: str) -> Any:
        """Return the first visible element, once it is there."""
        return self.until(
            lambda d: next(
                (e for e in d.find_elements(By.CSS_SELECTOR, css) if e.is_displayed()), None
            )
        )

    def until(self, condition: Any) -> Any:
        """Wait until something is there, and return it."""
        # React replaces elements while one looks at them.
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[StaleElement])
        return waiting.until(condition)

    def press(self, text: str) -> None:
        """Press what bears this text."""
        places = f"//button[contains(., '{text}')]"
        self.until(lambda d: d.find_elements(By.XPATH, places))[0].click()

    def write(self, **fields: str) -> None:
        """Fill in fields by their name."""
        for name, value in fields.items():
            self.find(f"[name='{name}']").send_keys(value, Keys.TAB)

    def on_row(self, button: str) -> None:
        """Press a button of our connection's row."""
        row = f"//tr[contains(., '{CONN_ID}')]//button[@aria-label='{button}']"
        self.until(lambda d: d.find_elements(By.XPATH, row))[0].click()

    def toast(self, about: str) -> str:
        """Return the message that Airflow shows about something."""
        return self.until(
            lambda d: next((text for text in d.execute_script(TOASTS) if about in text), None)
        )


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A throw-away Airflow with a ModelArts emulator."""
    with Stack(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def page(stack: Stack, tmp_path: Path) -> Iterator[Page]:
    """The page of connections, logged in."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in (*FLAGS.split(), f"--user-data-dir={tmp_path}"):
        options.add_argument(flag)
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    try:
        page = Page(driver)
        driver.get(f"{stack.api.url}/connections")
        page.write(username="admin")
        page.find("[name='password']").send_keys(stack.credentials.password, Keys.ENTER)
        page.until(lambda d: "login" not in d.current_url)
        driver.get(f"{stack.api.url}/connections")
        yield page
    finally:
        driver.quit()


def test_form_makes_a_connection_that_its_button_can_test(stack: Stack, page: Page) -> None:
    """No choice is called null, and 0 as the port lets Airflow test what it has stored."""
    page.press("Add Connection")
    page.write(connection_id=CONN_ID)
    page.find("[role=dialog] input[role=combobox]").send_keys("ModelArts", Keys.ENTER)
    keys = stack.emulator_connection
    project_id = keys["extra"]["project_id"]
    page.write(host=stack.emulator_url, login=keys["login"], password=keys["password"], port="0")
    page.press("Extra Fields")
    page.write(element_project_id=project_id)
    page.find("#element_cloud input").send_keys(Keys.ARROW_DOWN)
    choices = page.until(lambda d: d.find_elements(By.CSS_SELECTOR, "[role=option]"))
    shown = [choice.text for choice in choices]
    page.find("[role=dialog] h2").click()  # closes the list
    page.press("Save")
    page.toast("successfully created")

    page.on_row("Test Connection")
    tested = page.toast("Test Connection")
    page.on_row("Edit Connection")
    page.press("Extra Fields")
    page.write(element_region="local")
    page.press("Save")
    page.toast("successfully updated")

    assert shown == ["Huawei Cloud", "Open Telekom Cloud"]
    assert f"Connected to {stack.emulator_url}" in tested
    saved = stack.api.call("GET", f"/connections/{CONN_ID}")
    assert saved["port"] == 0
    assert '"region": "local"' in saved["extra"]
    assert project_id in saved["extra"]
